import { errorText, t } from '../texts';
import { Button } from './Button';

type ProblemProps = { readonly error: unknown; readonly onRetry?: () => void };

/** What went wrong, in the server's words, where it went wrong. */
export function Problem({ error, onRetry }: ProblemProps) {
  return (
    <div className="problem" role="alert">
      <p>{errorText(error)}</p>
      {onRetry && <Button onClick={onRetry}>{t.app.retry}</Button>}
    </div>
  );
}
