import { CodedError } from "#kit";

/** Why a password file cannot be used. */
export type PasswordFileFault =
  | "password-file-malformed"
  | "password-file-bcrypt"
  | "password-file-costly";

/**
 * A password file that is not blank and cannot be used (http-api.md 2.1): the start must stop. The
 * text says what is wrong and how to write a good one. It never quotes the line and names no path:
 * callers name the file.
 */
export class PasswordFileError extends CodedError {
  /** An error of that code; `reason` is a clause about the line. */
  constructor(code: PasswordFileFault, reason: string) {
    super(code, `${reason}; write a good file with "skychat passwd"`);
  }
}
