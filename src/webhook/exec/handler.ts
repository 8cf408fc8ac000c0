import { allow, type Review } from '../admission.ts';
import { isPod } from '../pod/pod.ts';
import { debuggedWithUid, isExec, podWithUid, VARIABLE, withUid } from './request-uid.ts';

/**
 * Answers for `execmetadata.spo.io` and `nodedebuggingpod.spo.io`: what is started by a request of the API carries the
 * request's UID, which the API server's audit log has too. Nothing is ever refused.
 * @returns undefined where it holds a command that is none.
 */
export function reviewExec(review: Review): object | undefined {
  const { object, oldObject, uid, kind, subResource, operation } = review.request;
  const exec = kind?.kind === 'PodExecOptions';
  if (exec && !isExec(object)) return undefined;
  const changed = () => {
    if (exec && isExec(object)) return withUid(object, uid);
    if (!isPod(object)) return object;
    if (subResource === 'ephemeralcontainers') return debuggedWithUid(object, oldObject, uid);
    return operation === 'CREATE' && !subResource ? podWithUid(object, uid) : object;
  };
  const after = changed();
  const note = { message: 'UID added to execmetadata', auditAnnotations: { [VARIABLE]: uid } };
  return allow(review, after, [], after === object ? {} : note);
}
