import { CodedError } from "#kit";

/** Why an address book or privacy settings did not change. */
export type ContactsFault = "contacts-invalid-key" | "contacts-full" | "contacts-unavailable";

/** A change that was not made; the text is that of http-api.md 4.11 and 4.12. */
export class ContactsError extends CodedError {
  /** Stable, for programs. */
  declare readonly code: ContactsFault;

  /** An error of that code with the text for the client. */
  constructor(code: ContactsFault, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
