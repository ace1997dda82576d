// The part of cli-progress 3 that is used here; the package ships without types.
export interface BarParams {
  /** Columns of the terminal. */
  maxWidth: number;
}

export interface BarOptions<Payload> {
  format: (options: unknown, params: BarParams, payload: Payload) => string;
  /** Drawings per second. */
  fps: number;
  hideCursor: boolean | null;
  clearOnComplete: boolean;
}

declare class SingleBar<Payload> {
  constructor(options: Partial<BarOptions<Payload>>);
  start(total: number, startValue: number, payload: Payload): void;
  update(value: number, payload: Payload): void;
  stop(): void;
}

declare const progress: { SingleBar: typeof SingleBar };
export default progress;
