/**
 * Makes a bundle independent of the machine it was made on.
 *
 * The bundler names modules by their path from here to the package cache of this machine, and parts
 * by a hash of what is in them, these paths included. With both replaced, the same sources give the
 * same bytes everywhere, so that a published executable can be checked by building it again.
 */

/** File name -> code, as `deno bundle` wrote them. The part that runs first is `main.js`. */
export type Parts = ReadonlyMap<string, string>;

const PART_NAME = /(["'])\.\/([\w.-]+)-[A-Z0-9]{8}\.js\1/g;

/** The same bundle, parts renamed in the order in which the code mentions them. */
export function withoutMachineNames(parts: Parts): Map<string, string> {
  const names = new Map([["main.js", "main.js"]]);
  const renamed = new Map<string, string>();
  for (const [oldName, newName] of names) {
    const code = parts.get(oldName);
    if (code === undefined) throw new Error(`Cannot find ${oldName} in the bundle`);
    const tidy = code.replace(PART_NAME, (text, quote: string, base: string) => {
      const target = text.slice(3, -1);
      // A Map iterates over what is added meanwhile: the loop above reaches this part as well.
      if (!names.has(target)) names.set(target, `${base}_${names.size}.js`);
      return `${quote}./${names.get(target)}${quote}`;
    });
    renamed.set(newName, withoutMachinePaths(tidy));
  }
  return renamed;
}

/** Leaves only the package and its file of a path into a package cache. */
export function withoutMachinePaths(code: string): string {
  return code.replace(/(?:\.\.\/|\/)[^"'\s]*?\/npm\/[^/"'\s]+\/(?=[^"'\s]+\/\d+\.)/g, "npm:");
}

/**
 * The same code in ASCII: a part that holds any other character takes two bytes for each of its
 * characters in memory, and ours are mostly encoded machine code. An escape means the same in texts,
 * in patterns and in comments, which is where such characters are.
 */
export function withAsciiOnly(code: string): string {
  return code.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
