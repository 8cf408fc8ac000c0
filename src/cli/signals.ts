import { constants } from 'node:os';
import { native } from '../capture/native.ts';
import type { RecordingSession } from '../recording/session.ts';
import { complain } from './output.ts';

const { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 } = constants.signals;
const ENDING: readonly number[] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/**
 * Passes signals on to the session's command. One that the terminal sent has reached the command already where it is
 * still in this process's group. A signal that asks for the end ends the recording once the command has gone, or at
 * once where there is no command; a second one ends it whatever the command does.
 * @returns what undoes it.
 */
export function passSignals(session: RecordingSession): () => void {
  let asked = false;
  const onSignal = (number: number, fromKernel: boolean) => {
    const { command } = session;
    if (command && !(fromKernel && command.sharesGroup())) command.kill(number);
    if (!ENDING.includes(number)) return;
    if (asked || !command || command.gone) {
      void session.stop();
      return;
    }
    asked = true;
    complain('waiting for the command to end; once more ends the recording now');
    void command.exited.then(() => session.stop());
  };
  const handle = native().watchSignals([...ENDING, SIGUSR1, SIGUSR2], onSignal);
  return () => native().unwatchSignals(handle);
}
