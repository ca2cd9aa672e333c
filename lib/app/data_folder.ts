/** Folder for what a node keeps besides its history, relative to where it was started (cli.md 2). */
export const DATA_FOLDER = "./local";
