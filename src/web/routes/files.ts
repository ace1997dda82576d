import type { Hono } from "hono";
import { Fault } from "../../fault.ts";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { streamLines } from "../http/json_lines.ts";
import { ID } from "./request.ts";

/**
 * | route                   | does                                            |
 * | ----------------------- | ----------------------------------------------- |
 * | GET /api/files?pattern= | lines: `{result}` with a ListedFile, or `{error}` |
 * | GET /api/folder?name=&id= | lines: `{result}` with an entry of the folder's manifest |
 * | GET /api/versions?name= | ListedFile[]: every version that somebody has |
 */
export function filesRoutes(app: Hono, api: UiApi): void {
  app.get("/api/files", (context) => {
    return streamLines(api.listFiles(context.req.query("pattern")));
  });

  app.get("/api/folder", async (context) => {
    const { name = "", id } = context.req.query();
    if (id !== undefined && !ID.test(id)) {
      throw new Fault("usage", `Cannot list ${name}: "${id.slice(0, 80)}" is not a file id`);
    }
    const { entries } = await api.listFolder({ name, id }, context.req.raw.signal);
    return streamLines(entries);
  });

  app.get("/api/versions", async (context) => {
    return context.json(await api.listVersions(context.req.query("name") ?? ""));
  });
}
