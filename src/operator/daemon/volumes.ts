import type { Daemon } from '../../api/types.ts';
import { type Enrichers, enrichersOf, logFileOf } from './settings.ts';

type Spec = Daemon['spec'];

/** SPO's name. */
export const LOG_VOLUME = 'json-enricher-log-output-volume';

/** What of the node, and of the pod, the containers of an agent's pod see. */
export function volumesOf(spec: Spec, kubeletDirectory: string): object[] {
  const { bpf, log, json, netlink } = enrichersOf(spec);
  const any = bpf || log || json;
  const path = json ? spec.enricher?.jsonEnricherOptions?.auditLogPath : undefined;
  const file = path ? logFileOf(path) : undefined;
  return [
    hostPath('state', '/var/lib/syscribe', 'DirectoryOrCreate'),
    // It must be mounted on the host: what is pinned in a pod's own would end with the pod. Without recorder Bpf, what an earlier
    // agent pinned is taken away.
    hostPath('bpffs', '/sys/fs/bpf', 'Directory'),
    ...(any ? [hostPath('cgroup', '/sys/fs/cgroup', 'Directory')] : []),
    hostPath('seccomp', `${kubeletDirectory}/seccomp`, 'DirectoryOrCreate'),
    // SPO's <kubelet>/seccomp/operator is a link to it.
    hostPath('profiles', '/var/lib/security-profiles-operator', 'DirectoryOrCreate'),
    ...((log || json) && !netlink ? [hostPath('audit', '/var/log/audit', 'DirectoryOrCreate')] : []),
    ...(any ? [hostPath('runtime', '/run/containerd', ''), hostPath('crio', '/run/crio', '')] : []),
    ...(file?.onNode ? [hostPath(LOG_VOLUME, file.directory, 'DirectoryOrCreate')] : []),
    ...(file && !file.onNode ? [{ name: LOG_VOLUME, emptyDir: { sizeLimit: '500Mi' } }] : []),
  ];
}

/** What tells containers, and the audit log where it is a file and is read. */
export function mountsOf({ netlink }: Enrichers, cgroup: string, log: boolean): object[] {
  return [
    mount('cgroup', cgroup, true),
    ...(log && !netlink ? [mount('audit', '/var/log/audit', true)] : []),
    mount('runtime', '/run/containerd', true),
    mount('crio', '/run/crio', true),
  ];
}

export function mount(name: string, mountPath: string, readOnly = false): object {
  return { name, mountPath, ...(readOnly && { readOnly }) };
}

/** @param type empty: it may be missing. */
function hostPath(name: string, path: string, type: string): object {
  return { name, hostPath: { path, type } };
}
