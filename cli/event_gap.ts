import { type JsonView, numberField } from "./json_view.ts";

/** Events of `/events` that the app no longer keeps: those between these two numbers. */
export interface EventGap {
  readonly after: number;
  readonly next: number;
}

/** The gap that an event of `/events` tells of, if it is such an event. */
export function gapOf(view: JsonView): EventGap | undefined {
  const gap = view["gap"];
  if (typeof gap !== "object" || gap === null) return undefined;
  const after = numberField(gap as JsonView, "after");
  const next = numberField(gap as JsonView, "next");
  return after === undefined || next === undefined ? undefined : { after, next };
}

/** What to tell people about it. */
export function gapText({ after, next }: EventGap): string {
  return `${next - after - 1} events are no longer kept: #${after + 1} to #${next - 1}`;
}
