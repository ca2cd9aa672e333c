/** What a {@link LinkCrowd} has to know of a link. */
export interface CrowdedLink {
  readonly remoteAddress: string;
  /** When its peer sent something last. */
  readonly activeAt: number;
  close(reason: string): void;
}

/** Links by the source that they come from, to tell who has most. */
export class LinkCrowd {
  readonly #sources = new Map<string, Set<CrowdedLink>>();

  /** Links from a source. */
  from(source: string): number {
    return this.#sources.get(source)?.size ?? 0;
  }

  /** Counts a link. */
  add(source: string, link: CrowdedLink): void {
    const links = this.#sources.get(source) ?? new Set();
    this.#sources.set(source, links.add(link));
  }

  /** Counts it no more. */
  remove(source: string, link: CrowdedLink): void {
    const links = this.#sources.get(source);
    links?.delete(link);
    if (links?.size === 0) this.#sources.delete(source);
  }

  /**
   * Closes the link that was quiet longest, of those from the source that has most, and returns it.
   * Where several sources have most, the quietest of all their links.
   */
  shed(): CrowdedLink | undefined {
    const most = Math.max(...[...this.#sources.values()].map(({ size }) => size));
    let idlest: CrowdedLink | undefined;
    let itsSource = "";
    for (const [source, links] of this.#sources) {
      if (links.size < most) continue;
      for (const link of links) {
        if (idlest !== undefined && link.activeAt >= idlest.activeAt) continue;
        [idlest, itsSource] = [link, source];
      }
    }
    if (idlest === undefined) return undefined;
    // It counts no more from now on, although the system may take a while to let go of it.
    this.remove(itsSource, idlest);
    idlest.close("too many open files");
    return idlest;
  }
}
