import type { Hono } from "hono";
import * as v from "valibot";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { bodyOf } from "./request.ts";

/** The keys and values are checked by who owns the config file. */
const ConfigBody = v.record(v.string(), v.unknown());

/**
 * | route             | does                                                                           |
 * | ----------------- | ------------------------------------------------------------------------------ |
 * | GET /api/config   | ConfigView                                                                     |
 * | PATCH /api/config | changes by key, null for the default → ConfigView; an error names its `field`  |
 */
export function configRoutes(app: Hono, api: UiApi): void {
  app.get("/api/config", async (context) => context.json(await api.config()));

  app.patch("/api/config", async (context) => {
    return context.json(await api.configure(await bodyOf(context, ConfigBody)));
  });
}
