/** Texts of long work. */
export const jobs = {
  progress: 'Progress',
  stop: 'Stop',
  states: {
    queued: 'Waits for a worker',
    running: 'Running',
    done: 'Done',
    failed: 'Failed',
    cancelled: 'Stopped',
  },
  of: (done: number, total: number) => `${done} of ${total}`,
  log: 'Log',
  noLog: 'Nothing was said yet.',
};
