import { LOG_PROFILE, LOG_TYPE, type ProfileKind } from '../../api/names.ts';
import type { Container, Pod, SecurityContext } from '../pod/pod.ts';

/** What is to be told about a container, by the reason of an event. */
interface Notice {
  readonly reason: 'StricterProfileKept' | 'SecurityContextAlreadySet' | 'PrivilegedContainer';
  readonly message: string;
}

/** A container that is recorded from the audit log; undefined where it has to stay as it is, which is not recorded. */
export interface Logged {
  readonly container: Container | undefined;
  readonly notices: readonly Notice[];
}

/** Gives a container what makes the kernel log what it does. */
export function logged(kind: ProfileKind, container: Container, pod: Pod, override: boolean): Logged {
  const { container: changed, notices } =
    kind === 'SelinuxProfile' ? loggedBySelinux(container, pod) : loggedBySeccomp(container, pod, override);
  if (changed === undefined || container.securityContext?.privileged !== true) return { container: changed, notices };
  const message = 'it is privileged: runtimes give it no profile, and nothing is logged; recorder Bpf records it';
  return { container: changed, notices: [...notices, { reason: 'PrivilegedContainer', message }] };
}

/**
 * The profile that logs refuses nothing: in place of another it takes protection away, from a container that has it by
 * itself or by its pod.
 */
function loggedBySeccomp(container: Container, { spec }: Pod, override: boolean): Logged {
  const own = container.securityContext?.seccompProfile;
  const effective = own ?? spec.securityContext?.seccompProfile;
  // Ours already: the API server calls again where another webhook came later.
  if (effective?.localhostProfile === LOG_PROFILE) return { container, notices: [] };
  const strict = effective?.type === 'RuntimeDefault' || effective?.type === 'Localhost';
  if (strict && !override) {
    const message =
      `its seccomp profile ${described(effective)} is stricter than the one that logs, and stays: it is not recorded; ` +
      'use recorder Bpf, or label the namespace spo.x-k8s.io/enable-recording=override';
    return { container: undefined, notices: [{ reason: 'StricterProfileKept', message }] };
  }
  const message = `its seccomp profile ${described(own)} gives way to the one that logs`;
  return {
    container: secured(container, { seccompProfile: { type: 'Localhost', localhostProfile: LOG_PROFILE } }),
    notices: own ? [{ reason: 'SecurityContextAlreadySet', message }] : [],
  };
}

/** A container's options replace its pod's as a whole: what the pod says of user, role and level is carried over. */
function loggedBySelinux(container: Container, { spec }: Pod): Logged {
  const own = container.securityContext?.seLinuxOptions;
  if (own?.type === LOG_TYPE) return { container, notices: [] };
  const options = { ...(own ?? spec.securityContext?.seLinuxOptions), type: LOG_TYPE };
  const message = `its SELinux type ${own?.type ?? '(none)'} gives way to ${LOG_TYPE}`;
  return {
    container: secured(container, { seLinuxOptions: options }),
    notices: own ? [{ reason: 'SecurityContextAlreadySet', message }] : [],
  };
}

function secured(container: Container, context: SecurityContext): Container {
  return { ...container, securityContext: { ...container.securityContext, ...context } };
}

function described(profile: SecurityContext['seccompProfile']): string {
  return [profile?.type, profile?.localhostProfile].filter(Boolean).join(' ');
}
