/** The longest that a peer that runs says nothing, in milliseconds: it says something each second. */
const SILENT_MS = 3_000;
/** Time before another try, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Follows the peer's events. `onChange` gets each change and the id to resume after it; `onState` hears
 * `live`, `silent` when the peer is there but says nothing, `lost` when it can't be reached, and `out` when
 * the session is over, with which it ends. Returns how to stop.
 */
export function readEvents({ session, lastId, onChange, onState }) {
  const stopped = new AbortController();
  let last = lastId;
  const follow = async () => {
    for (;;) {
      const end = await readOnce(stopped.signal, { session, lastId: last }, {
        onState,
        onChange(change, id) {
          last = id;
          onChange(change, id);
        },
      });
      if (stopped.signal.aborted) return;
      onState(end);
      if (end === "out") return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (stopped.signal.aborted) return;
    }
  };
  follow();
  return () => stopped.abort();
}

/** Reads one answer to its end, and says why it ended. */
async function readOnce(stopped, { session, lastId }, { onChange, onState }) {
  const watchdog = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => watchdog.abort(), SILENT_MS);
  };
  heard();
  try {
    const response = await fetch("/api/v1/events", {
      headers: {
        authorization: `Bearer ${session}`,
        ...(lastId !== undefined && { "last-event-id": lastId }),
      },
      signal: AbortSignal.any([stopped, watchdog.signal]),
      cache: "no-store",
    });
    if (response.status === 401) return "out";
    if (!response.ok) return "lost";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return "lost";
      heard();
      onState("live");
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const { event, id, data } = fieldsOf(block);
        if (event === "change") onChange(JSON.parse(data), id);
      }
    }
  } catch {
    return watchdog.signal.aborted ? "silent" : "lost";
  } finally {
    clearTimeout(timer);
  }
}

function fieldsOf(block) {
  return Object.fromEntries(
    block.split("\n").map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trimStart()];
    }),
  );
}
