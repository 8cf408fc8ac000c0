import { constants } from 'node:os';
import { native } from '../capture/native.ts';
import type { Command } from '../command/command.ts';
import { complain } from './output.ts';

const { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 } = constants.signals;
const ENDING: readonly number[] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/** What signals are for: a recording session, or a command that runs without one. */
interface Receiver {
  readonly command: Command | undefined;
  stop(): Promise<unknown>;
}

/**
 * Passes signals on to a session's command. Made before the session: what comes while it starts is kept for it. One that
 * the terminal sent has reached the command already where it is still in this process's group. A signal that asks for the
 * end ends the recording once the command has gone, or at once where there is no command; a second one ends it whatever
 * the command does.
 */
export class SignalPasser implements Disposable {
  readonly #handle = native().watchSignals([...ENDING, SIGUSR1, SIGUSR2], (number, fromKernel) => {
    if (this.#receiver) this.#pass(this.#receiver, number, fromKernel);
    else this.#early.push([number, fromKernel]);
  });
  readonly #early: [number: number, fromKernel: boolean][] = [];
  #receiver: Receiver | undefined;
  #asked = false;

  attach(receiver: Receiver): void {
    this.#receiver = receiver;
    for (const [number, fromKernel] of this.#early.splice(0)) this.#pass(receiver, number, fromKernel);
  }

  #pass(receiver: Receiver, number: number, fromKernel: boolean): void {
    const { command } = receiver;
    if (command && !(fromKernel && command.sharesGroup())) command.kill(number);
    if (!ENDING.includes(number)) return;
    if (this.#asked || !command || command.gone) {
      void receiver.stop();
      return;
    }
    this.#asked = true;
    complain('waiting for the command to end; once more ends the recording now');
    void command.exited.then(() => receiver.stop());
  }

  [Symbol.dispose](): void {
    native().unwatchSignals(this.#handle);
  }
}
