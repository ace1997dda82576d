import { Hono } from "hono";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { configRoutes } from "./config.ts";
import { doctorRoutes } from "./doctor.ts";
import { downloadsRoutes } from "./downloads.ts";
import { filesRoutes } from "./files.ts";
import { gatewayRoutes } from "./gateway.ts";
import { settingsRoutes } from "./settings.ts";
import { sharesRoutes } from "./shares.ts";
import { statusRoutes } from "./status.ts";
import { streamsRoutes } from "./streams.ts";
import { trustRoutes } from "./trust.ts";
import { uploadsRoutes } from "./uploads.ts";

/** Every route of the control API. The client takes its types from what this returns. */
export function controlRoutes(api: UiApi) {
  return new Hono()
    .route("/", statusRoutes(api))
    .route("/", settingsRoutes(api))
    .route("/", configRoutes(api))
    .route("/", doctorRoutes(api))
    .route("/", filesRoutes(api))
    .route("/", sharesRoutes(api))
    .route("/", downloadsRoutes(api))
    .route("/", streamsRoutes(api))
    .route("/", uploadsRoutes(api))
    .route("/", gatewayRoutes(api))
    .route("/", trustRoutes(api));
}
