import { OLD_VERSIONS } from './conversion/old-versions.ts';
import type { Kind } from './crd.ts';
import { APPARMOR_PROFILE } from './kinds/apparmor-profile.ts';
import { DAEMON } from './kinds/daemon.ts';
import { NODE_REPORT } from './kinds/node-report.ts';
import { NODE_STATUS } from './kinds/node-status.ts';
import { PROFILE_BINDING } from './kinds/profile-binding.ts';
import { PROFILE_RECORDING } from './kinds/profile-recording.ts';
import { SECCOMP_PROFILE } from './kinds/seccomp-profile.ts';
import { RAW_SELINUX_PROFILE, SELINUX_PROFILE } from './kinds/selinux-profile.ts';

/** All kinds of the API: the only place from which deploy/crds is written. */
export const KINDS: readonly Kind[] = [
  SECCOMP_PROFILE,
  SELINUX_PROFILE,
  RAW_SELINUX_PROFILE,
  APPARMOR_PROFILE,
  PROFILE_RECORDING,
  PROFILE_BINDING,
  NODE_STATUS,
  NODE_REPORT,
  DAEMON,
];

/** Those that SPO has had in older versions. */
export const CONVERTED_KINDS = KINDS.filter(({ kind }) => OLD_VERSIONS.has(kind));
