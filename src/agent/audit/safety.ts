import { readFileSync } from 'node:fs';
import { findAuditd } from '../../capture/audit/auditd.ts';
import { auditStatus } from '../../capture/audit/socket.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { dangerOf, readAuditdSettings } from './auditd-settings.ts';

/** `auditctl -f 2`: the kernel panics when it cannot keep a record. */
const PANIC = 2;
const ACTIONS_LOGGED = '/proc/sys/kernel/seccomp/actions_logged';

/** Looks whether containers that log every call could stop the node or its audit, or would log nothing. */
export class Safety {
  readonly #say: (line: string) => void;
  #told = '';

  /** @param say is told once what cannot be looked at. */
  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** @throws SyscribeError ERR_AUDIT_SOURCE where nothing should be recorded from this node's log. */
  check(): void {
    if (auditStatus()?.failure === PANIC)
      throw refusal(
        'the kernel is set to panic when it loses an audit record',
        'Set the failure mode to 1 (auditctl -f 1), or use recorder Bpf.',
      );
    if (!isLogged())
      throw refusal(
        `the kernel logs nothing of seccomp’s action log (it is not in ${ACTIONS_LOGGED})`,
        'Add it (sysctl kernel.seccomp.actions_logged), or use recorder Bpf.',
      );
    const auditd = findAuditd();
    const danger = auditd === undefined ? undefined : this.#dangerOf(auditd);
    if (danger) throw refusal(danger.message, danger.remedy);
  }

  #dangerOf(auditd: number): ReturnType<typeof dangerOf> {
    try {
      return dangerOf(readAuditdSettings(auditd));
    } catch (error) {
      const line = `what auditd does when its disk is full cannot be told: ${(error as Error).message}`;
      if (line !== this.#told) this.#say(line);
      this.#told = line;
      return undefined;
    }
  }
}

/** Where that cannot be read, what is logged shows when the log is opened. */
function isLogged(): boolean {
  try {
    return readFileSync(ACTIONS_LOGGED, 'utf8').split(/\s+/).includes('log');
  } catch {
    return true;
  }
}

function refusal(message: string, remedy: string): SyscribeError {
  return new SyscribeError('ERR_AUDIT_SOURCE', message, { remedy });
}
