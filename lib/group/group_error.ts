import { CodedError } from "#kit";

/** Why an operation on a group did not happen. Stable. */
export type GroupErrorCode =
  /** There is no group of that id here. */
  | "no-such-group"
  /** There is no message of ours with that time. */
  | "no-such-message"
  /** What was asked cannot be meant. */
  | "bad-group-request"
  /** This node has not the role that it takes. */
  | "group-forbidden"
  /** The id of the group is no UUID, which signed records need (groups.md 2.4). */
  | "group-not-uuid"
  /** It contradicts what is the case. */
  | "group-conflict"
  /** It has no meaning without a visor. */
  | "group-unsupported"
  /** It was tried and failed. */
  | "group-failed"
  /** The group does not run. */
  | "group-unavailable";

/** An operation on a group that did not happen; the text is for the user (groups.md 5.4, 6). */
export class GroupError extends CodedError {
  /** Which it is. */
  declare readonly code: GroupErrorCode;

  /** An error of one of the codes. */
  constructor(code: GroupErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
