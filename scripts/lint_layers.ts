/**
 * Lint plugin: keeps the arrows between folders pointing down and I/O where it belongs.
 *
 * The rules are data in `layers.ts`; this file only walks the syntax tree. It looks at product code
 * (`lib/`, `cli/`, `main.ts`); tests and scripts may import what they like.
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import {
  LAYERS,
  MANIFEST_READERS,
  MAX_FILE_LINES,
  MAX_FUNCTION_LINES,
  PACKAGES,
  RESTRICTIONS,
} from "./layers.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Path below the repository of the file at hand, or undefined when it is not product code. */
function productPath(filename: string): string | undefined {
  const path = relative(ROOT, filename).replaceAll("\\", "/");
  return path === "main.ts" || /^(lib|cli)\//.test(path) ? path : undefined;
}

/** The layer a path belongs to: `lib/<name>`, `cli` or `main.ts`. */
function layerOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "lib" ? parts.slice(0, 2).join("/") : parts[0] ?? path;
}

/** Whether a path is one of the places, or below one of them. */
function isWithin(path: string, places: readonly string[]): boolean {
  return places.some((place) => path === place || path.startsWith(`${place}/`));
}

/** What is wrong with an import, or undefined. */
export function importProblem(path: string, specifier: string): string | undefined {
  const layer = layerOf(path);
  const allowed = LAYERS[layer];
  if (allowed === undefined) return `${layer} is not in the layer table of scripts/layers.ts`;
  if (specifier.startsWith(".")) {
    const target = join(dirname(path), specifier).replaceAll("\\", "/");
    return layerOf(target) === layer || MANIFEST_READERS[target] === path
      ? undefined
      : `${specifier} leaves ${layer}: import other folders through their alias`;
  }
  if (specifier.startsWith("#")) return aliasProblem(specifier, { layer, allowed });
  return packageProblem(path, specifier);
}

function aliasProblem(
  specifier: string,
  { layer, allowed }: { layer: string; allowed: readonly string[] },
): string | undefined {
  const target = (config.imports as Record<string, string>)[specifier];
  if (target === undefined) return `${specifier} is not a door: import the folder's alias itself`;
  const other = layerOf(target.replace("./", ""));
  if (other === layer) return `${specifier} is this folder's own door: import ./file.ts`;
  if (!allowed.includes(other)) return `${layer} may not import ${other}: arrows point down`;
  return undefined;
}

function packageProblem(path: string, specifier: string): string | undefined {
  if (/^(npm|jsr|https?|file|data):/.test(specifier)) {
    return `${specifier} is not pinned: name the package in deno.json`;
  }
  const entry = Object.entries(PACKAGES).find(([name]) =>
    specifier === name || specifier.startsWith(name.endsWith("/") ? name : `${name}/`)
  );
  if (entry === undefined) {
    return `${specifier} is not in the package table of scripts/layers.ts`;
  }
  const [name, places] = entry;
  return isWithin(path, places)
    ? undefined
    : `${name} may only be imported in ${places.join(", ")}`;
}

/** What is wrong with touching a dotted name, most specific rule first, or undefined. */
export function nameProblem(path: string, name: string): string | undefined {
  const matches = RESTRICTIONS.filter(({ names }) =>
    names.some((rule) => name === rule || name.startsWith(`${rule}.`))
  );
  const broken = matches.filter(({ allowed }) => !isWithin(path, allowed)).at(-1);
  return broken && `${name} is not for ${path}: ${broken.instead}`;
}

/** The dotted name of a member chain such as `Deno.env.get`, or undefined. */
function dottedName(node: Deno.lint.Node): string | undefined {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression") return undefined;
  const left = dottedName(node.object);
  if (left === undefined) return undefined;
  if (!node.computed && node.property.type === "Identifier") return `${left}.${node.property.name}`;
  return node.property.type === "Literal" ? `${left}.${node.property.value}` : left;
}

/** Strips a leading `globalThis.`: it names the same thing. */
function globalName(node: Deno.lint.Node): string | undefined {
  return dottedName(node)?.replace(/^(globalThis|window|self)\./, "");
}

const imports: Deno.lint.Rule = {
  create(context) {
    const path = productPath(context.filename);
    if (path === undefined) return {};
    const look = (node: Deno.lint.Node, source: Deno.lint.Node | null | undefined) => {
      if (!source) return;
      const message = source.type === "Literal" && typeof source.value === "string"
        ? importProblem(path, source.value)
        : "the imported name must be a plain string";
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => look(node, node.source),
      ExportAllDeclaration: (node) => look(node, node.source),
      ExportNamedDeclaration: (node) => look(node, node.source),
      ImportExpression: (node) => look(node, node.source),
      TSImportType: (node) => {
        look(node, node.argument.type === "TSLiteralType" ? node.argument.literal : node.argument);
      },
    };
  },
};

/** True for an identifier that reads a global, as far as syntax can tell. */
function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Deno.lint.Node;
  if (parent.type === "MemberExpression") return parent.object === node;
  if (parent.type === "Property") return parent.value === node;
  return !/^(TS|Import|Export|MethodDefinition|PropertyDefinition|Labeled)/.test(parent.type);
}

const globals: Deno.lint.Rule = {
  create(context) {
    const path = productPath(context.filename);
    if (path === undefined) return {};
    const look = (node: Deno.lint.Node, name: string | undefined) => {
      const message = name && nameProblem(path, name);
      if (message) context.report({ node, message });
    };
    return {
      MemberExpression(node) {
        if ((node.parent as Deno.lint.Node).type !== "MemberExpression") {
          look(node, globalName(node));
        }
      },
      Identifier(node) {
        if ((node.parent as Deno.lint.Node).type === "MemberExpression") return;
        if (isReference(node)) look(node, node.name);
      },
      TSQualifiedName(node) {
        if (node.left.type === "Identifier") look(node, node.left.name);
      },
      NewExpression(node) {
        if (node.arguments.length === 0 && globalName(node.callee) === "Date") {
          look(node, "Date.now");
        }
      },
    };
  },
};

const size: Deno.lint.Rule = {
  create(context) {
    if (productPath(context.filename) === undefined) return {};
    const lines = (node: Deno.lint.Node) => context.sourceCode.getText(node).split("\n").length;
    const look = (node: Deno.lint.Node) => {
      if (lines(node) <= MAX_FUNCTION_LINES) return;
      context.report({ node, message: `function longer than ${MAX_FUNCTION_LINES} lines` });
    };
    return {
      Program(node) {
        if (context.sourceCode.text.split("\n").length - 1 <= MAX_FILE_LINES) return;
        context.report({ node, message: `file longer than ${MAX_FILE_LINES} lines` });
      },
      FunctionDeclaration: look,
      FunctionExpression: look,
      ArrowFunctionExpression: look,
    };
  },
};

const privacy: Deno.lint.Rule = {
  create(context) {
    if (productPath(context.filename) === undefined) return {};
    const look = (node: Deno.lint.MethodDefinition | Deno.lint.PropertyDefinition) => {
      const isConstructor = node.type === "MethodDefinition" && node.kind === "constructor";
      if (isConstructor || !["private", "protected"].includes(node.accessibility ?? "")) return;
      context.report({ node, message: `use a #private name instead of "${node.accessibility}"` });
    };
    return { MethodDefinition: look, PropertyDefinition: look };
  },
};

/** The plugin `deno lint` loads (deno.json, `lint.plugins`). */
const plugin: Deno.lint.Plugin = {
  name: "skychat",
  rules: { imports, globals, size, privacy },
};
export default plugin;
