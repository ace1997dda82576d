import { useEffect, useState } from "preact/hooks";
import { askJson } from "../api.js";

/**
 * The answer of a route, requested every `ms` milliseconds while this is shown and `path` isn't
 * undefined: `{value, error}`. The last value stays when a request fails.
 */
export function usePolled(path, ms) {
  const [answer, setAnswer] = useState(/** @type {{ value?: any, error?: Error }} */ ({}));
  useEffect(() => {
    if (path === undefined) return;
    let timer;
    let ended = false;
    const ask = async () => {
      try {
        const value = document.hidden ? undefined : await askJson("GET", path);
        if (!ended && value !== undefined) setAnswer({ value });
      } catch (error) {
        if (!ended) setAnswer((before) => ({ ...before, error }));
      }
      if (!ended) timer = setTimeout(ask, ms);
    };
    ask();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [path, ms]);
  return answer;
}
