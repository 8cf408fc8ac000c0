import { accessSync } from 'node:fs';
import { constants } from 'node:os';
import { SyscribeError } from '../../platform/errors.ts';
import type { NativeFailure } from '../native.ts';

const { EINVAL, EPERM, EACCES, ENOSYS, ENODEV } = constants.errno;
const KERNEL_BTF = '/sys/kernel/btf/vmlinux';

/** @throws SyscribeError ERR_BPF_UNSUPPORTED where the kernel has no type information. */
export function requireBtf(): void {
  try {
    accessSync(KERNEL_BTF);
  } catch (cause) {
    throw new SyscribeError(
      'ERR_BPF_UNSUPPORTED',
      `this kernel has no type information: ${KERNEL_BTF} cannot be read`,
      {
        cause,
        remedy:
          'Use a kernel built with CONFIG_DEBUG_INFO_BTF=y (every current distribution kernel is), with /sys mounted.',
      },
    );
  }
}

/** What it means that the kernel, or libbpf, refused a program. */
export function describeLoadFailure(failure: NativeFailure): SyscribeError {
  const log = failure.log?.trim() ?? '';
  const details = { cause: new Error(`${failure.operation}: ${failure.message}${log && `\n${log}`}`) };
  if (failure.errno === EPERM || failure.errno === EACCES) {
    return new SyscribeError('ERR_BPF_PERMISSION', 'not allowed to load BPF programs', {
      ...details,
      remedy: 'Run as root (sudo syscribe …), or give the process CAP_BPF and CAP_PERFMON.',
    });
  }
  if (failure.errno === ENODEV)
    return new SyscribeError('ERR_BPF_UNSUPPORTED', 'this kernel lacks that cgroup controller', details);
  if (failure.errno === ENOSYS)
    return new SyscribeError('ERR_BPF_UNSUPPORTED', 'this kernel has no bpf(2) system call', {
      ...details,
      remedy: 'Use a kernel built with CONFIG_BPF_SYSCALL=y.',
    });
  if (failure.errno === EINVAL && log.includes("'tags'"))
    return new SyscribeError('ERR_BPF_UNSUPPORTED', 'this kernel has no task storage for tracing programs', {
      ...details,
      remedy: 'Use Linux 5.12 or newer; 6.1 is the oldest that is tested.',
    });
  return new SyscribeError(
    'ERR_BPF_LOAD',
    `the kernel refused a BPF program (${failure.operation}: ${failure.message})`,
    {
      ...details,
      remedy: 'Please report this with the kernel version and the lines above.',
    },
  );
}
