import { useState } from 'react';
import { useNotify } from '../../components/Toasts';
import { useLearn } from '../../data/inspections';
import { errorText } from '../../texts';

/** Adds several to the normals, one after the other; what is refused is told, the rest goes on. */
export function useLearnAll() {
  const notify = useNotify();
  const learn = useLearn();
  const [isRunning, setIsRunning] = useState(false);
  const [added, setAdded] = useState(0);
  async function go(ids: readonly string[]) {
    setIsRunning(true);
    let count = 0;
    for (const id of ids) {
      try {
        await learn.mutateAsync(id);
        count += 1;
      } catch (error) {
        notify(errorText(error), 'bad');
      }
    }
    setAdded(count);
    setIsRunning(false);
  }
  return { go, isRunning, added };
}
