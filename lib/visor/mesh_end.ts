import { errorText } from "#kit";
import { type LinkEnd, LinkError } from "#net";
import { VisorError, type VisorFailure } from "./visor_error.ts";

/** Failures after which the connection to the visor is no more. */
const VISOR_GONE: readonly VisorFailure[] = ["closed", "garbage", "lost", "refused"];

/** Whether a call failed because there is no connection to the visor any more. */
export function isVisorGone(error: unknown): error is VisorError {
  return error instanceof VisorError && VISOR_GONE.includes(error.code);
}

/** Why a connection over the mesh ends when a call for it fails; `code` where no better one is known. */
export function linkEndOf(error: unknown, code: "read-failed" | "write-failed"): LinkEnd {
  if (error instanceof LinkError) return { code: error.code, message: error.message };
  const message = errorText(error);
  if (isVisorGone(error)) return { code: "visor-lost", message };
  const late = error instanceof VisorError && error.code === "timeout" && code === "write-failed";
  return late ? { code: "write-timeout", message: "write: i/o timeout" } : { code, message };
}
