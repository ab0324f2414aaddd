/** Something that a migration made and that cannot be given to users. */
export class Unfit extends Error {
  readonly cure: string;

  constructor(what: string, cure: string) {
    super(what);
    this.cure = cure;
  }
}
