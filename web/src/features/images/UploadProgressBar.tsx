import type { UploadProgress } from '../../api/upload';
import { Button } from '../../components/Button';
import { ProgressBar } from '../../components/ProgressBar';
import { t } from '../../texts';

type UploadProgressBarProps = {
  readonly progress: UploadProgress;
  readonly onStop?: () => void;
};

export function UploadProgressBar({ progress: { sent, total }, onStop }: UploadProgressBarProps) {
  const isSent = total > 0 && sent >= total;
  return (
    <div className="notice" role="status">
      <ProgressBar
        label={t.images.uploading}
        done={Math.min(sent, total)}
        total={total}
        text={
          isSent ? t.images.reading : t.images.uploaded(t.common.bytes(sent), t.common.bytes(total))
        }
      />
      {onStop && <Button onClick={onStop}>{t.images.stop}</Button>}
    </div>
  );
}
