/** Something that may be under way; `busy()` is how many (calls, bytes, requests). 0 is idle. */
export interface BusySource {
  readonly name: string;
  busy(): number;
}
