/** Lets a test wait for a state of the world without looking again and again: whoever changes it says so. */
export class Changes {
  #waiting: (() => void)[] = [];

  /** Something has changed. */
  readonly tell = (): void => {
    for (const wake of this.#waiting.splice(0)) wake();
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((wake) => this.#waiting.push(wake));
  }
}
