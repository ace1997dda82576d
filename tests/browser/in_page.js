/**
 * Code that tests run inside the page: plain JavaScript, since the program's types have no browser
 * in them.
 */

/** Number of colours on a line through the middle of a canvas. */
export function countColors(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, height / 2, width, 1);
  const colors = new Set();
  for (let at = 0; at < data.length; at += 4) colors.add(data.slice(at, at + 3).join());
  return colors.size;
}

/** The element that has the focus, and whether that can be seen. */
export function focusedElement() {
  const element = document.activeElement;
  const what = element.getAttribute("aria-label") ?? element.textContent.trim();
  return { what, outlineStyle: getComputedStyle(element).outlineStyle };
}

/** By how many pixels the page is wider than its window. */
export function sideways() {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth - clientWidth;
}

/** The result for a page of another origin that uses the peer's page at `address`. */
export async function useFromOutside(address) {
  const send = async (method, route, mode, headers = {}) => {
    const body = method === "GET" ? undefined : "{}";
    const options = { method, mode, headers, body, credentials: "include" };
    return await fetch(address + route, options).then(
      ({ type, status }) => type === "opaque" ? "opaque" : String(status),
      () => "refused",
    );
  };
  const frame = document.createElement("iframe");
  frame.src = address;
  document.body.append(frame);
  await new Promise((resolve) => frame.onload = resolve);
  let framed = "refused";
  try {
    if (frame.contentDocument?.body.innerHTML) framed = "shown";
  } catch {
    framed = "refused";
  }
  return [
    await send("GET", "api/v1/status", "cors"),
    await send("POST", "api/v1/shares", "cors", { "content-type": "application/json" }),
    await send("DELETE", "api/v1/shares?name=secret.txt", "cors"),
    await send("POST", "api/v1/jobs", "no-cors"),
    framed,
  ];
}

/** The secrets that the page keeps in this browser. */
export function storedSecrets() {
  const all = [localStorage, sessionStorage].flatMap((one) => Object.values({ ...one }));
  return all.filter((value) => /[0-9a-f]{64}/.test(value));
}

/** Watches how long frames take, from now on; `stop` returns the longest, in milliseconds. */
export function watchFrames() {
  let [last, longest, over] = [performance.now(), 0, false];
  const frame = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    if (!over) requestAnimationFrame(frame);
  };
  requestAnimationFrame((now) => {
    last = now;
    requestAnimationFrame(frame);
  });
  return {
    stop() {
      over = true;
      return longest;
    },
  };
}

/**
 * Shares and unshares a file of the peer, so many times, and takes how long the page's own events took to
 * tell of it, from the moment that the request was sent: milliseconds.
 */
export async function measureAge({ name, times }) {
  const { readEvents } = await import("/event_reader.js");
  const { session, signed } = await import("/session.js");
  let heard;
  const first = new Promise((resolve) => heard = resolve);
  const onChange = (change) => heard(change);
  const stop = readEvents({ session: session(), onChange, onState() {} });
  await first;
  const ages = [];
  for (let i = 0; i < times; i++) {
    const headers = { ...signed(), "content-type": "application/json" };
    const there = i % 2 === 0;
    const told = new Promise((resolve) => {
      heard = ({ shares }) => {
        const named = there
          ? shares?.set.some((one) => one.name === name)
          : shares?.gone.includes(name);
        if (named) resolve(performance.now());
      };
    });
    const sent = performance.now();
    const route = there ? "/api/v1/shares" : `/api/v1/shares?name=${encodeURIComponent(name)}`;
    const body = there ? JSON.stringify({ file: name, cwd: "/" }) : undefined;
    const answer = await fetch(route, { method: there ? "POST" : "DELETE", headers, body });
    await answer.text();
    ages.push(await told - sent);
  }
  stop();
  return ages;
}

/** The time of the first paint, in milliseconds, and the bytes of the page without its data. */
export async function measureLoad() {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const names = new Set(performance.getEntriesByType("resource").map(({ name }) => name));
  const files = [location.href, ...names].filter((name) =>
    !new URL(name).pathname.startsWith("/api/")
  );
  const sizes = await Promise.all(
    files.map(async (name) => (await (await fetch(name)).arrayBuffer()).byteLength),
  );
  return { paint: paint.startTime, weight: sizes.reduce((sum, size) => sum + size, 0) };
}

/** The theme's accent colour, as canvases read it. */
export function accentColor() {
  return getComputedStyle(document.documentElement).getPropertyValue("--accent");
}

/** Makes the page believe that it is in sight, or that it isn't. */
export function setHidden(hidden) {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}

/** Starts a download of each name, as the page's buttons do, and resolves when all are answered. */
export async function startDownloads(names) {
  const { startJob } = await import("/api.js");
  const jobs = await Promise.all(names.map((name) => startJob({ get: { name } })));
  for (const { result } of jobs) result.catch(() => {});
}

/** Watches how long tasks take, from now on; `stop` returns the longest, in milliseconds; 0 is under 50. */
export function watchTasks() {
  let longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  });
  observer.observe({ entryTypes: ["longtask"] });
  return {
    stop() {
      observer.disconnect();
      return longest;
    },
  };
}

/** True when an element shows only a part of its text. */
export function isCut(element) {
  return element.scrollWidth > element.clientWidth;
}

/** The controls in sight that are smaller than WCAG 2.5.8 wants: 24 pixels each way, or inline in a text. */
export function tinyTargets() {
  const all = [...document.querySelectorAll("button, input, select, a.button, [role=tab]")];
  return all.filter((one) => {
    const { width, height } = one.getBoundingClientRect();
    const hidden = width === 0 || getComputedStyle(one).opacity === "0" || one.tabIndex < -1;
    return !hidden && !one.closest("h2, .hidden") && (width < 24 || height < 24);
  }).map((one) => one.getAttribute("aria-label") ?? one.textContent.trim());
}
