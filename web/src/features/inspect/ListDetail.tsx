import { useState } from 'react';
import { Button, IconButton } from '../../components/Button';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useInspection, useReview } from '../../data/inspections';
import { useMay } from '../../data/session';
import { errorText, t } from '../../texts';
import { ResultView } from './ResultView';

type ListDetailProps = { readonly inspectionId: string; readonly onClose: () => void };

/** One inspection of the list, with the possibility to judge it. */
export function ListDetail({ inspectionId, onClose }: ListDetailProps) {
  const found = useInspection(inspectionId);
  const mayReview = useMay('review');
  return (
    <aside className="list-detail" aria-label={t.inspect.live.label}>
      {found.error && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <ResultView key={inspectionId} inspection={found.data}>
          <IconButton icon="close" label={t.inspect.list.closeDetail} onClick={onClose} />
        </ResultView>
      )}
      {found.data && mayReview && (
        <Judge key={`${inspectionId}-judge`} inspectionId={inspectionId} />
      )}
    </aside>
  );
}

function Judge({ inspectionId }: { readonly inspectionId: string }) {
  const notify = useNotify();
  const review = useReview();
  const [reason, setReason] = useState('');
  const texts = t.inspect.queue;
  const decide = (decision: 'ok' | 'ng') =>
    review.mutate(
      { inspectionId, decision, reason, first: false },
      { onError: (error) => notify(errorText(error), 'bad') },
    );
  return (
    <div className="judge">
      <input
        value={reason}
        maxLength={400}
        aria-label={texts.reason}
        placeholder={texts.reason}
        onChange={(event) => setReason(event.target.value)}
      />
      <Button look="danger" disabled={review.isPending} onClick={() => decide('ng')}>
        {texts.ng}
      </Button>
      <Button disabled={review.isPending} onClick={() => decide('ok')}>
        {texts.ok}
      </Button>
    </div>
  );
}
