import type { ControlPorts } from "./ports.ts";
import { textReply, whole } from "./replies.ts";
import type { Route } from "./route.ts";

/** For monitoring, additions of ours (docs/HTTP.md). Without their ports the paths are unknown. */
export function healthRoutes(
  ports: Pick<ControlPorts, "metrics" | "health" | "healthNotes">,
): readonly Route[] {
  const routes: Route[] = [];
  if (ports.metrics !== undefined) {
    const getMetrics = () =>
      whole(200, ports.metrics?.() ?? "", {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
        "x-content-type-options": "nosniff",
      });
    routes.push({ path: "/metrics", on: { GET: getMetrics, HEAD: getMetrics } });
  }
  if (ports.health !== undefined) {
    const getHealth = () => {
      const reasons = ports.health?.() ?? [];
      if (reasons.length > 0) return textReply(503, reasons.join("\n"));
      return textReply(200, ["ok", ...ports.healthNotes?.() ?? []].join("\n"));
    };
    routes.push({ path: "/healthz", on: { GET: getHealth, HEAD: getHealth } });
  }
  return routes;
}
