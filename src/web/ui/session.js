/** The name under which this browser keeps the session's secret, for the page's origin alone. */
const KEY = "shoal-session";
/** The name under which a tab keeps the part of the page to come back to. */
const RETURN = "shoal-return";

/** The secret where storage is switched off: it is lost with the tab. */
let held;

/** The session's secret; undefined without a sign-in. */
export function session() {
  try {
    return localStorage.getItem(KEY) ?? held;
  } catch {
    return held;
  }
}

/** Keeps a new secret, or with undefined forgets it. */
export function keepSession(secret) {
  held = secret;
  try {
    if (secret === undefined) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, secret);
  } catch {
    // It is held in memory.
  }
}

/** Calls `changed` when another tab signs in or out. */
export function onSession(changed) {
  addEventListener("storage", ({ key }) => (key === KEY || key === null) && changed(session()));
}

/** The headers of a request that show the session. */
export const signed = () => ({ authorization: `Bearer ${session() ?? ""}` });

/** Leads to the sign-in, which returns to where this tab is. */
export function goSignIn() {
  try {
    sessionStorage.setItem(RETURN, location.hash);
  } catch {
    // It comes back to the first tab.
  }
  location.replace("/sign-in");
}

/** Leads from the sign-in to where the tab was. */
export function goBack() {
  let hash = "";
  try {
    hash = sessionStorage.getItem(RETURN) ?? "";
  } catch {
    // There is no place to come back to.
  }
  location.replace(`/${hash}`);
}
