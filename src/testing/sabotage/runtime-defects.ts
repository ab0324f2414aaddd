import { replaceMethod } from './replace-method.ts';
import type { Defect } from './defect.ts';

/** `pointer-not-reset`: the process-wide pointer goes on naming a runtime that is closed. */
export const pointerNotReset: Defect = {
  runtime: (runtime, bit) => {
    // The accessor asks it twice, to be sure.
    Object.defineProperty(runtime, 'closed', { get: () => false });
    replaceMethod(runtime, 'onClose', () => bit);
  },
};

/** `lost-cancel`: a user's wish to end a run is taken, and nothing comes of it. */
export const lostCancel: Defect = {
  runtime: ({ factory }, bit) => {
    replaceMethod(factory, 'cancelRun', () => async () => {
      bit();
      return { seq: 0 };
    });
  },
};
