/** Classic BPF's operations that filters here use (linux/bpf_common.h). */
export const BPF = {
  load: 0x20, // BPF_LD | BPF_W | BPF_ABS
  jumpEqual: 0x15,
  jumpGreater: 0x25,
  jumpNotLess: 0x35,
  return: 0x06,
} as const;

/** SECCOMP_RET_LOG and SECCOMP_RET_ALLOW (linux/seccomp.h), which are libseccomp's SCMP_ACT_* too. */
export const SECCOMP_RET_LOG = 0x7ffc0000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;
/** SECCOMP_FILTER_FLAG_LOG: what the filter does, other than allow, is logged. */
export const FILTER_FLAG_LOG = 2;

/** One struct sock_filter: u16 code, u8 jt, u8 jf, u32 k. */
export function instruction(code: number, k: number, ifTrue = 0, ifFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(k >>> 0, 4);
  return bytes;
}
