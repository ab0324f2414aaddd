// Each branch starts with another character, so that no text makes it backtrack.
const NOTHING = /^(?:[\s;]|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?)*$/;

/** True when `rest` holds no statement: only white space, semicolons and comments. */
export function isBlank(rest: string): boolean {
  return NOTHING.test(rest);
}
