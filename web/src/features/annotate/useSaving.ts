/** Saving by itself: after a while, on leaving, on hiding the window. */

import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { ApiError } from '../../api/client';
import type { ImageOut } from '../../api/schema';
import { useNotify } from '../../components/Toasts';
import type { Annotation } from '../../core/sidecar';
import { noteSaved, readAnnotationOf, saveAnnotation } from '../../data/annotations';
import { useProject } from '../../data/projects';
import { useSessionEnded } from '../../data/session';
import { errorText, t } from '../../texts';
import { useUnloadWarning } from '../drawing/useGlobalKeys';
import { Saver } from './saver';
import { contentOf, type Draft } from './useAnnotator';

const isConflict = (error: unknown) => error instanceof ApiError && error.status === 409;

export function useSaving(image: ImageOut, base: Annotation, revision: number, draft: Draft) {
  const project = useProject();
  const client = useQueryClient();
  const notify = useNotify();
  const [saver] = useState(
    () =>
      new Saver<Draft>(
        revision,
        async (value, seen) => {
          const saved = await saveAnnotation(project.id, image.id, seen, contentOf(value, base));
          noteSaved(client, project.id, image.id, saved, value.split);
          setIsAnnotated(true);
          return saved.revision;
        },
        isConflict,
      ),
  );
  const [isAnnotated, setIsAnnotated] = useState(revision > 0);
  const state = useSyncExternalStore(saver.subscribe, saver.read);
  const first = useRef(draft);

  useEffect(() => {
    if (draft === first.current) return;
    first.current = draft;
    saver.change(draft);
  }, [draft, saver]);

  const hasEnded = useSessionEnded();
  useEffect(() => {
    // What could not be saved without a session is saved by who signed in again.
    if (!hasEnded && saver.read().kind === 'failed') void saver.flush();
  }, [hasEnded, saver]);

  useEffect(() => {
    const onHide = () => document.visibilityState === 'hidden' && void saver.flush();
    document.addEventListener('visibilitychange', onHide);
    return () => {
      document.removeEventListener('visibilitychange', onHide);
      void saver.flush().then((isDone) => {
        const { error } = saver.read();
        if (!isDone && error) notify(t.annotate.save.lost(image.name, errorText(error)), 'bad');
      });
    };
  }, [saver, notify, image.name]);
  useUnloadWarning(state.kind !== 'saved');

  return {
    state,
    isAnnotated,
    flush: () => saver.flush(),
    discard: () => saver.discard(),
    /** After a conflict: the latest revision is replaced by mine. */
    overwrite: async () => {
      const { revision: latest } = await readAnnotationOf(project.id, image.id);
      await saver.overwrite(latest);
    },
  };
}
