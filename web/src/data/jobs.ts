/** Long work: put into the queue, watched, stopped. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { api, unwrap } from '../api/client';
import type { JobIn, JobOut } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';

const POLL_MS = 500;

export const isOpen = (job: JobOut): boolean => job.state === 'queued' || job.state === 'running';

/** All of the project; when one of them ends, everything of the project is fresh again. */
export function useJobs() {
  const { id } = useProject();
  const client = useQueryClient();
  const query = useQuery({
    queryKey: keyOf(id, 'jobs'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/jobs', { params: { path: { project_id: id } } }),
      ),
    refetchInterval: (q) => (q.state.data?.some(isOpen) ? POLL_MS : false),
  });
  const open = useRef<readonly string[]>([]);
  const jobs = query.data;
  useEffect(() => {
    if (!jobs) return;
    const now = jobs.filter(isOpen).map((job) => job.id);
    const hasEnded = open.current.some((jobId) => !now.includes(jobId));
    open.current = now;
    if (hasEnded) void client.invalidateQueries({ queryKey: keyOf(id) });
  }, [jobs, id, client]);
  return query;
}

/** One job, asked for again until it has ended; then everything of the project is fresh again. */
export function useJob(jobId: string | null, onEnd: (job: JobOut) => void = () => {}) {
  const { id } = useProject();
  const client = useQueryClient();
  const query = useQuery({
    enabled: jobId !== null,
    queryKey: keyOf(id, 'job', jobId),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/jobs/{job_id}', {
          params: { path: { project_id: id, job_id: jobId ?? '' } },
        }),
      ),
    refetchInterval: (q) => (q.state.data && !isOpen(q.state.data) ? false : POLL_MS),
  });
  const ended = useRef(onEnd);
  ended.current = onEnd;
  const wasOpen = useRef(false);
  const job = query.data;
  useEffect(() => {
    if (!job) return;
    if (wasOpen.current && !isOpen(job)) {
      void client.invalidateQueries({ queryKey: keyOf(id) });
      ended.current(job);
    }
    wasOpen.current = isOpen(job);
  }, [job, id, client]);
  return query;
}

export function useSubmit() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: JobIn) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/jobs', {
          params: { path: { project_id: id } },
          body,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id, 'jobs') }),
  });
}

export function useCancel() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (jobId: string) =>
      unwrap(
        api.DELETE('/api/v1/projects/{project_id}/jobs/{job_id}', {
          params: { path: { project_id: id, job_id: jobId } },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id) }),
  });
}
