/** What jobs leave behind: logs, files, and which of them belongs to what is looked at. */

import { useQuery } from '@tanstack/react-query';
import { API, api, problemOf, unwrap } from '../api/client';
import type { JobOut } from '../api/schema';
import { isOpen } from './jobs';
import { useProject } from './projects';
import { keyOf } from './queries';

const LOG_POLL_MS = 1000;

export const jobFileUrl = (projectId: string, jobId: string, name: string): string =>
  `${API}/projects/${projectId}/jobs/${jobId}/files/${name}`;

/** Its JSON, which never changes. */
export function useJobFile<T>(job: JobOut | null, name: string) {
  const { id } = useProject();
  return useQuery({
    enabled: job?.state === 'done',
    queryKey: keyOf(id, 'file', job?.id, name),
    queryFn: async (): Promise<T> => {
      const response = await fetch(jobFileUrl(id, job?.id ?? '', name));
      if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
      return response.json();
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What a job said while it worked. */
export function useJobLog(job: JobOut | null) {
  const { id } = useProject();
  return useQuery({
    enabled: job !== null,
    queryKey: keyOf(id, 'log', job?.id, job?.state),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/jobs/{job_id}/log', {
          params: { path: { project_id: id, job_id: job?.id ?? '' } },
        }),
      ),
    refetchInterval: job !== null && isOpen(job) ? LOG_POLL_MS : false,
  });
}

type Wanted = {
  readonly version_id?: string | null;
  readonly model_id?: string | null;
  readonly other_model_id?: string | null;
};

/** The latest job of a kind about these; the list has the latest first. */
export function latestJob(
  jobs: readonly JobOut[],
  kind: string,
  about: Wanted = {},
  states?: readonly JobOut['state'][],
): JobOut | null {
  const isAbout = (job: JobOut) =>
    Object.entries(about).every(([name, id]) => id == null || job.params[name] === id);
  return (
    jobs.find(
      (job) => job.kind === kind && isAbout(job) && (!states || states.includes(job.state)),
    ) ?? null
  );
}
