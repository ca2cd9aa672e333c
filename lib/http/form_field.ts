/**
 * The value of a field of a form (`multipart/form-data`, or URL-encoded for every other type) as far
 * as the body at hand shows it; undefined when it does not. Looks for one field and parses nothing
 * else, so a body that was cut off, or is no form, does no harm.
 *
 * @param body whatever came, invalid UTF-8 replaced.
 * @param field.name letters only: it becomes part of a pattern.
 */
export function formField(
  body: string,
  { type, name }: { type: string; name: string },
): string | undefined {
  if (!/^multipart\/form-data\s*(;|$)/i.test(type)) {
    return new URLSearchParams(body).get(name) ?? undefined;
  }
  const head = new RegExp(`^content-disposition: *form-data; *name="?${name}"?[ \\t]*$`, "i");
  const lines = body.split("\r\n");
  const at = lines.findIndex((line) => head.test(line));
  // More headers of the part may follow; an empty line ends them.
  const blank = at < 0 ? -1 : lines.indexOf("", at);
  return blank < 0 ? undefined : lines[blank + 1];
}
