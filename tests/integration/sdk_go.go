// sdk_go PREFIX URL KEY CALLS: calls of the real library, every kind; user of call i is PREFIX-(i mod 50).
// When all of them are acknowledged, a last trait for each user.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

var failed atomic.Int64

type outcome struct{}

func (outcome) Success(analytics.Message) {}
func (outcome) Failure(_ analytics.Message, err error) {
	failed.Add(1)
	fmt.Fprintln(os.Stderr, err)
}

func open(url, key string) analytics.Client {
	client, err := analytics.NewWithConfig(key, analytics.Config{
		Endpoint: url, Interval: 200 * time.Millisecond, BatchSize: 100, Callback: outcome{}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return client
}

func message(user, anonymous string, i int) analytics.Message {
	switch i % 10 {
	case 6:
		return analytics.Identify{UserId: user, AnonymousId: anonymous, Traits: analytics.NewTraits().Set("seen", i).Set("plan", "plus")}
	case 7:
		return analytics.Page{UserId: user, AnonymousId: anonymous, Name: "Home", Properties: analytics.NewProperties().SetURL("https://example.com/")}
	case 8:
		return analytics.Screen{UserId: user, AnonymousId: anonymous, Name: "Main"}
	case 9:
		return analytics.Group{UserId: user, AnonymousId: anonymous, GroupId: "g1", Traits: analytics.NewTraits().Set("size", 3)}
	}
	return analytics.Track{UserId: user, AnonymousId: anonymous, Event: fmt.Sprintf("Event %d", i%3),
		Properties: analytics.NewProperties().Set("i", i).Set("total", 1.5)}
}

func enqueue(client analytics.Client, message analytics.Message) {
	if err := client.Enqueue(message); err != nil {
		failed.Add(1)
		fmt.Fprintln(os.Stderr, err)
	}
}

func main() {
	prefix, url, key := os.Args[1], os.Args[2], os.Args[3]
	calls, _ := strconv.Atoi(os.Args[4])
	client := open(url, key)
	for i := 0; i < calls; i++ {
		anonymous := ""
		if i%5 == 0 {
			anonymous = fmt.Sprintf("%s-anon-%d", prefix, i%50)
		}
		enqueue(client, message(fmt.Sprintf("%s-%d", prefix, i%50), anonymous, i))
	}
	client.Close()
	time.Sleep(10 * time.Millisecond) // so that the last ones are later by any clock's grain
	last := open(url, key)
	for n := 0; n < 50; n++ {
		enqueue(last, analytics.Identify{UserId: fmt.Sprintf("%s-%d", prefix, n), Traits: analytics.NewTraits().Set("seen", calls+n)})
	}
	last.Close()
	if failed.Load() > 0 {
		os.Exit(1)
	}
}
