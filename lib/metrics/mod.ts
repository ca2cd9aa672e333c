/**
 * Figures for monitoring: the text form that Prometheus reads, and how late the event loop is.
 *
 * Above `#kit`; `#app` collects the values, `#http` serves the text. It counts nothing by itself and
 * knows no layer. Format: Prometheus text exposition 0.0.4.
 *
 * @example
 * ```ts
 * import { renderMetrics } from "#metrics";
 *
 * const text = renderMetrics([{
 *   name: "skychat_links",
 *   help: "Links that are up.",
 *   type: "gauge",
 *   samples: [{ labels: { direction: "in" }, value: 2 }],
 * }]);
 * console.assert(text.endsWith('skychat_links{direction="in"} 2\n'));
 * ```
 *
 * @module
 */
export { type MetricFamily, type MetricSample, renderMetrics } from "./exposition.ts";
export { LAG_INTERVAL_MS, LAG_SAMPLES, LoopLag } from "./loop_lag.ts";
