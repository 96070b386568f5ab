// java -cp JARS sdk_java.java PREFIX URL KEY CALLS: calls of the real library, every kind; user of call i is PREFIX-(i mod 50).
// When all of them are acknowledged, a last trait for each user.
import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.*;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

class Calls {
  static final AtomicInteger done = new AtomicInteger();
  static final AtomicInteger failed = new AtomicInteger();

  static Analytics open(String url, String key) {
    return Analytics.builder(key).endpoint(url).flushQueueSize(100).flushInterval(1, TimeUnit.SECONDS)
        .callback(new Callback() {
          public void success(Message message) { done.incrementAndGet(); }
          public void failure(Message message, Throwable error) {
            failed.incrementAndGet();
            System.err.println(error);
          }
        }).build();
  }

  static MessageBuilder<?, ?> message(int i) {
    Map<String, Object> properties = new HashMap<>();
    properties.put("i", i);
    properties.put("total", 1.5);
    switch (i % 10) {
      case 6:
        return IdentifyMessage.builder().traits(Map.of("seen", i, "plan", "plus"));
      case 7: return PageMessage.builder("Home").properties(Map.of("url", "https://example.com/"));
      case 8: return ScreenMessage.builder("Main");
      case 9: return GroupMessage.builder("g1").traits(Map.of("size", 3));
      default: return TrackMessage.builder("Event " + i % 3).properties(properties);
    }
  }

  static void finish(Analytics analytics, int calls) throws InterruptedException {
    analytics.flush();
    for (int waited = 0; done.get() + failed.get() < calls && waited < 6000; ++waited) Thread.sleep(10);
    analytics.shutdown();
  }

  public static void main(String[] arguments) throws Exception {
    String prefix = arguments[0], url = arguments[1], key = arguments[2];
    int calls = Integer.parseInt(arguments[3]);
    Analytics analytics = open(url, key);
    for (int i = 0; i < calls; ++i) {
      MessageBuilder<?, ?> message = message(i).userId(prefix + "-" + i % 50);
      if (i % 5 == 0) message.anonymousId(prefix + "-anon-" + i % 50);
      analytics.enqueue(message);
    }
    finish(analytics, calls);
    Thread.sleep(10);  // so that the last ones are later by any clock's grain
    Analytics last = open(url, key);
    for (int n = 0; n < 50; ++n)
      last.enqueue(IdentifyMessage.builder().userId(prefix + "-" + n).traits(Map.of("seen", calls + n)));
    finish(last, calls + 50);
    System.exit(failed.get() > 0 || done.get() < calls + 50 ? 1 : 0);
  }
}
