/** A failure that the peer told, or that it couldn't be asked. `kind` is that of a Fault. */
export class ApiError extends Error {
  constructor(message, { kind, candidates, field, status } = {}) {
    super(message);
    Object.assign(this, { kind, candidates, field, status });
  }
}

const GONE = "The peer does not answer. Is it still running?";

/** Asks the peer; throws ApiError. */
async function ask(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        "x-shoal": "1",
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(GONE);
  }
  if (response.ok) return response;
  if (response.status === 401) location.replace("/sign-in");
  const { error } = await response.json().catch(() => ({}));
  throw new ApiError(error?.message ?? `HTTP ${response.status}`, {
    ...error,
    status: response.status,
  });
}

/** The JSON value that is answered. */
export async function askJson(method, path, body) {
  return await (await ask(method, path, body)).json();
}

/** The lines that are answered, as they come. */
export async function* askLines(method, path, { body, signal } = {}) {
  const response = await ask(method, path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => {
      throw new ApiError(GONE);
    });
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

/** The result that a work's lines end with; `onProgress` gets the others. */
export async function askResult(method, path, { body, onProgress, signal } = {}) {
  for await (const line of askLines(method, path, { body, signal })) {
    if (line.error) throw new ApiError(line.error.message, line.error);
    if (line.result) return line.result;
    if (line.progress) onProgress?.(line.progress);
  }
  throw new ApiError(GONE);
}

/**
 * Sends a file to be shared, without ever having all of it in memory. Returns how to stop and what it
 * ends with. XMLHttpRequest, because it alone tells how much was sent.
 */
export function upload(name, file, onProgress) {
  const request = new XMLHttpRequest();
  const result = new Promise((resolve, reject) => {
    request.open("PUT", `/api/uploads?name=${encodeURIComponent(name)}`);
    request.setRequestHeader("x-shoal", "1");
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => onProgress({ sent: loaded });
    request.upload.onload = () => onProgress({ sent: file.size, whole: true });
    request.onprogress = () => {
      const { progress } = lastLine(request.responseText) ?? {};
      if (progress?.hashed !== undefined) onProgress({ hashed: progress.hashed });
    };
    request.onload = () => {
      const last = lastLine(request.responseText);
      if (last?.result) return resolve(last.result);
      reject(new ApiError(last?.error?.message ?? `HTTP ${request.status}`, last?.error));
    };
    request.onerror = () => reject(new ApiError(GONE));
    request.onabort = () => reject(new ApiError("Stopped.", { kind: "stopped" }));
    request.send(file);
  });
  return { result, stop: () => request.abort() };
}

function lastLine(text) {
  const line = text.slice(0, text.lastIndexOf("\n") + 1 || undefined).trimEnd().split("\n").pop();
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
