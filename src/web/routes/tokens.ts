import { Hono } from "hono";
import * as v from "valibot";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { TOKEN_RIGHTS } from "../../peer/api/token_api.ts";
import { json, query } from "./request.ts";

const Label = v.pipe(v.string(), v.maxLength(256));
const TokenBody = v.object({
  label: Label,
  rights: v.pipe(v.array(v.picklist(TOKEN_RIGHTS)), v.minLength(1), v.maxLength(3)),
});
const LabelQuery = v.object({ label: v.optional(Label, "") });

/**
 * | route                        | does                                              |
 * | ---------------------------- | ------------------------------------------------- |
 * | GET /api/v1/tokens           | TokenEntry[]                                      |
 * | POST /api/v1/tokens          | TokenRequest → NewToken: the secret, this once    |
 * | DELETE /api/v1/tokens?label= | TokenEntry: what was revoked                      |
 */
export function tokensRoutes(api: UiApi) {
  return new Hono()
    .get("/api/v1/tokens", async (c) => c.json(await api.tokens()))
    .post("/api/v1/tokens", json(TokenBody), async (c) => {
      return c.json(await api.newToken(c.req.valid("json")));
    })
    .delete("/api/v1/tokens", query(LabelQuery), async (c) => {
      return c.json(await api.revokeToken(c.req.valid("query").label));
    });
}
