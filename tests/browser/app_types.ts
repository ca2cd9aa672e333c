/**
 * Stands in for `#app` while the types of these tests are checked: the tests start the program, they
 * do not load it, and its packages stay out of their lock.
 */
export type Environment = Readonly<Record<string, string | undefined>>;
