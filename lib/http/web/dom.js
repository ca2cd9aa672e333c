// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Makes and finds elements. Whatever somebody wrote is set as text and never as markup. */

/**
 * The element with this id; the page always has it.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`Cannot show the page: #${id} is missing`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string)} children texts become text nodes
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.append(...children);
  return made;
}

/**
 * @param {string} className
 * @param {string} text
 * @param {() => void} onClick
 * @returns {HTMLButtonElement}
 */
export function button(className, text, onClick) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/**
 * Somebody's words: their direction is their own, and nothing in them reorders what is around.
 *
 * @param {string} className
 * @param {string} text
 */
export function words(className, text) {
  const made = make("bdi", className, text);
  made.dir = "auto";
  return made;
}

/** The sign of what is encrypted; what it means is for the text around it to say. */
export function lockSign() {
  const namespace = "http://www.w3.org/2000/svg";
  const sign = document.createElementNS(namespace, "svg");
  sign.setAttribute("class", "lock");
  sign.setAttribute("viewBox", "0 0 24 24");
  sign.ariaHidden = "true";
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3");
  sign.append(path);
  return sign;
}

/**
 * Runs an action once before the next frame, however often it is asked for.
 *
 * @param {() => void} action
 * @returns {() => void}
 */
export function onceAFrame(action) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      if (!asked) return;
      asked = false;
      action();
    };
    // A hidden page has no frames, and its title and badges are to be right all the same.
    if (document.hidden) queueMicrotask(run);
    else requestAnimationFrame(run);
  };
}
