/** What is wrong with a profile, and where. Lines and columns count from 1. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;

  /** @param file absent for a profile that was made here, not read. */
  constructor(message: string, file?: string, position?: { readonly line: number; readonly column: number }) {
    const place = [file, position?.line, position?.column].filter((part) => part !== undefined).join(':');
    super(place === '' ? message : `${place}: ${message}`);
    this.file = file;
    this.line = position?.line;
    this.column = position?.column;
  }
}
