import { Fault, KeyFault, quoted } from "../fault.ts";
import { absolutePath, isInside, nearestReal } from "../system/paths.ts";
import type { UiApi } from "../peer/api/ui_api.ts";

/** Settings that would move the page's rights to another folder. */
const FIXED = ["dir"];

/**
 * A peer whose callers name no path outside of DIR, other than a shared one: neither to read nor to
 * write, and not as another DIR. All other requests pass.
 */
export function withinDir(api: UiApi): UiApi {
  const require = async (given: string, what: string): Promise<void> => {
    const { dir, shares } = await api.status();
    const path = absolutePath(given, dir);
    if (isInside(dir, await nearestReal(path)) || shares.some((share) => share.path === path)) {
      return;
    }
    throw new Fault(
      "usage",
      `Cannot ${what} ${quoted(given)}: it is outside of the shared folder`,
      {
        details: { reason: "outside", path: given },
        next: "start the peer with --ui-paths any to allow that on the page",
      },
    );
  };
  return {
    status: () => api.status(),
    listPeers: () => api.listPeers(),
    listSources: (name) => api.listSources(name),
    listFiles: (pattern) => api.listFiles(pattern),
    listVersions: (name) => api.listVersions(name),
    async share(request, options) {
      const { dir } = await api.status();
      await require(request.file, "share");
      return await api.share({ ...request, cwd: dir }, options);
    },
    unshare: (name) => api.unshare(name),
    async get(request, options) {
      await requireAll(request, require);
      return await api.get(request, options);
    },
    async plan(request, options) {
      await requireAll(request, require);
      return await api.plan(request, options);
    },
    stream: (request, output, options) => api.stream(request, output, options),
    cancel: (request) => api.cancel(request),
    pause: (request) => api.pause(request),
    resume: (request) => api.resume(request),
    trust: () => api.trust(),
    accept: (request) => api.accept(request),
    forget: (name) => api.forget(name),
    tokens: () => api.tokens(),
    newToken: (request) => api.newToken(request),
    revokeToken: (label) => api.revokeToken(label),
    settings: () => api.settings(),
    change: (changes) => api.change(changes),
    open: (request, signal) => api.open(request, signal),
    listFolder: (request, signal) => api.listFolder(request, signal),
    checkUploads: (requests) => api.checkUploads(requests),
    upload: (request, body, options) => api.upload(request, body, options),
    downloadMap: (id) => api.downloadMap(id),
    history: () => api.history(),
    diagnose: () => api.diagnose(),
    config: async () => ({ ...await api.config(), fixed: FIXED }),
    async configure(changes) {
      for (const key of FIXED) {
        if (key in changes) {
          throw new KeyFault(
            key,
            `Cannot set ${quoted(key)}: the page may not choose another folder`,
          );
        }
      }
      return { ...await api.configure(changes), fixed: FIXED };
    },
  };
}

async function requireAll(
  { output, reuse = [] }: { output?: string | undefined; reuse?: string[] | undefined },
  require: (path: string, what: string) => Promise<void>,
): Promise<void> {
  if (output !== undefined) await require(output, "write");
  for (const path of reuse) await require(path, "read");
}
