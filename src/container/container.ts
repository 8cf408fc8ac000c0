/** A container; what is not known is absent. */
export interface Container {
  readonly id: string;
  readonly name?: string;
  readonly pod?: string;
  readonly namespace?: string;
  readonly image?: string;
}
