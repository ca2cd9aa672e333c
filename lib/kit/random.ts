/** A source of unpredictable bytes. */
export interface Random {
  /** Fresh bytes, as many as asked for. */
  bytes(count: number): Uint8Array;
}

/** The operating system's generator. */
export const systemRandom: Random = {
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};
