/** How a message of a batch is recognised among known ones. */
export interface Matching<Message> {
  /** By an id, or by the time it was stored. */
  surely(known: Message, message: Message): boolean;
  /** By its text alone: people say `ok` more than once, so the neighbours have to agree. */
  maybe(known: Message, message: Message): boolean;
}

/**
 * Where each message of a batch is among the known ones, -1 for those that are new. Both lists are parts
 * of one conversation, in order. A text without an id is only recognised next to a message that was, or, when
 * none was, where the end of one list is the start of the other: a guess that can show one twice.
 */
export function placesOf<Message>(
  batch: readonly Message[],
  known: readonly Message[],
  { surely, maybe }: Matching<Message>,
): number[] {
  const places = batch.map((message) => known.findLastIndex((one) => surely(one, message)));
  const taken = new Set(places);
  const fits = (at: number, message: Message) => {
    const one = known[at];
    return one !== undefined && !taken.has(at) && maybe(one, message);
  };
  const take = (index: number, at: number) => {
    places[index] = at;
    taken.add(at);
  };
  const beside = (index: number, step: 1 | -1) => {
    const neighbour = places[index - step] ?? -1;
    const message = batch[index];
    if (neighbour < 0 || (places[index] ?? 0) >= 0 || message === undefined) return;
    if (fits(neighbour + step, message)) take(index, neighbour + step);
  };
  if (places.every((place) => place < 0)) {
    const count = overlap(batch, known, fits);
    for (let index = 0; index < count; index++) take(index, known.length - count + index);
  }
  for (const index of batch.keys()) beside(index, 1);
  for (const index of [...batch.keys()].reverse()) beside(index, -1);
  return places;
}

/** How many of the first of the batch are the last of the known ones. */
function overlap<Message>(
  batch: readonly Message[],
  known: readonly Message[],
  fits: (at: number, message: Message) => boolean,
): number {
  for (let count = Math.min(batch.length, known.length); count > 0; count--) {
    const start = known.length - count;
    if (batch.slice(0, count).every((message, index) => fits(start + index, message))) return count;
  }
  return 0;
}
