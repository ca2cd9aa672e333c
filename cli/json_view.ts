/** A JSON object from outside, read field by field: what has another type counts as absent. */
export type JsonView = Readonly<Record<string, unknown>>;

/** The object that a text is, or undefined. */
export function parseJsonObject(text: string): JsonView | undefined {
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}

/** The objects of the list that a text is, or undefined; `null` is the empty list (http-api.md 1.3). */
export function parseJsonList(text: string): readonly JsonView[] | undefined {
  return parseJsonArray(text)?.filter(isObject);
}

/** The same with whatever else is in the list. */
export function parseJsonArray(text: string): readonly unknown[] | undefined {
  const value = parseJson(text);
  if (value === null) return [];
  return Array.isArray(value) ? value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value from outside is an object, which a list is not. */
export function isObject(value: unknown): value is JsonView {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text field; "" when it is absent or something else. */
export function textField(view: JsonView, name: string): string {
  const value = view[name];
  return typeof value === "string" ? value : "";
}

/** A number field; undefined when it is absent or something else. */
export function numberField(view: JsonView, name: string): number | undefined {
  const value = view[name];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** A list of texts; what is no text is left out, and `null` is the empty list (http-api.md 1.3). */
export function textListField(view: JsonView, name: string): readonly string[] {
  const value = view[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** An object field; undefined when it is absent or something else. */
export function objectField(view: JsonView, name: string): JsonView | undefined {
  const value = view[name];
  return isObject(value) ? value : undefined;
}

/** A list of objects; what is no object is left out, and `null` is the empty list (http-api.md 1.3). */
export function objectListField(view: JsonView, name: string): readonly JsonView[] {
  const value = view[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}
