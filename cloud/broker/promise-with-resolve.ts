/** A promise that is settled from outside, and that nobody has to wait for. */
export interface PromiseWithResolve {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly isResolved: boolean;
}

export function promiseWithResolve(): PromiseWithResolve {
  let resolve = () => {};
  let reject = (_error: unknown) => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {});
  const made = {
    promise,
    isResolved: false,
    resolve: () => {
      made.isResolved = true;
      resolve();
    },
    reject,
  };
  return made;
}
