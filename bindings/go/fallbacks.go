package llmrouter

// RetryPolicy is a number of retries by class of failure: {"RateLimitError": 3}. The class may have LiteLLM's ending, as
// in "RateLimitErrorRetries"; "Default" is for those without a number. The most specific class of a failure decides.
type RetryPolicy map[string]int

// Fallbacks say who answers in whose stead: [FallbackNames], [FallbackTargets] or [FallbackLists].
type Fallbacks interface{ fallbacks() }

// FallbackNames are groups, in order.
type FallbackNames []string

// FallbackTargets are groups, in order, with what each changes in the request.
type FallbackTargets []FallbackTarget

// FallbackLists are the fallbacks of each group; those of "*" are for groups without a list.
type FallbackLists map[string]FallbackTargets

func (FallbackNames) fallbacks()   {}
func (FallbackTargets) fallbacks() {}
func (FallbackLists) fallbacks()   {}

// FallbackTarget is one group that answers in another's stead.
type FallbackTarget struct {
	Model string
	// Changes replace members of the request for this group alone.
	Changes map[string]any
}

// MarshalJSON renders a name, or an object if there are changes.
func (t FallbackTarget) MarshalJSON() ([]byte, error) {
	if len(t.Changes) == 0 {
		return encode(t.Model)
	}
	return join(struct {
		Model string `json:"model"`
	}{t.Model}, t.Changes)
}
