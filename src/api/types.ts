import type { DAEMON } from './kinds/daemon.ts';
import type { NODE_REPORT } from './kinds/node-report.ts';
import type { NODE_STATUS } from './kinds/node-status.ts';
import type { PROFILE_BINDING } from './kinds/profile-binding.ts';
import type { PROFILE_RECORDING } from './kinds/profile-recording.ts';
import type { SECCOMP_PROFILE } from './kinds/seccomp-profile.ts';
import type { FromSchema } from './schema.ts';

/** `metav1.ObjectMeta`: what is used of it here. */
interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

/** An object of a kind of ours in v1, as its schema says: there is no second place where its fields are named. */
interface Resource<K extends { readonly kind: string; readonly spec: object; readonly status: object }> {
  readonly apiVersion: 'security-profiles-operator.x-k8s.io/v1';
  readonly kind: K['kind'];
  readonly metadata: ObjectMeta;
  readonly spec: FromSchema<K['spec']>;
  /** Absent until somebody writes it. */
  readonly status?: FromSchema<K['status']>;
}

export type Daemon = Resource<typeof DAEMON>;
export type NodeReport = Resource<typeof NODE_REPORT>;
export type NodeStatus = Resource<typeof NODE_STATUS>;
export type ProfileBinding = Resource<typeof PROFILE_BINDING>;
export type ProfileRecording = Resource<typeof PROFILE_RECORDING>;
export type SeccompProfile = Resource<typeof SECCOMP_PROFILE>;
export type LabelSelector = ProfileRecording['spec']['podSelector'];
