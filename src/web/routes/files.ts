import { Hono } from "hono";
import * as v from "valibot";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { streamLines } from "../http/json_lines.ts";
import { ContentQuery, NameQuery, query } from "./request.ts";

const PatternQuery = v.object({ pattern: v.optional(v.string()) });

/**
 * | route                        | does                                                       |
 * | ---------------------------- | ---------------------------------------------------------- |
 * | GET /api/v1/files?pattern=   | lines: `{result}` with a ListedFile, or `{error}`          |
 * | GET /api/v1/folder?name=&id= | lines: `{result}` with an entry of the folder's manifest   |
 * | GET /api/v1/versions?name=   | ListedFile[]: every version that any peer has              |
 * | GET /api/v1/sources?name=    | ListedSource[]: every peer that has any version            |
 */
export function filesRoutes(api: UiApi) {
  return new Hono()
    .get("/api/v1/files", query(PatternQuery), (c) => {
      return streamLines(api.listFiles(c.req.valid("query").pattern));
    })
    .get("/api/v1/folder", query(ContentQuery), async (c) => {
      const { entries } = await api.listFolder(c.req.valid("query"), c.req.raw.signal);
      return streamLines(entries);
    })
    .get("/api/v1/sources", query(NameQuery), async (c) => {
      return c.json(await api.listSources(c.req.valid("query").name));
    })
    .get("/api/v1/versions", query(NameQuery), async (c) => {
      return c.json(await api.listVersions(c.req.valid("query").name));
    });
}
